"use strict";
/* Columns of the content: lists of properties become objects, packed fractions become numbers (columns.py). */
const Columns = (() => {
  const MISSING = 0xffff;

  /* Objects from an object of equally long lists. */
  const records = (columns) => {
    const names = Object.keys(columns);
    return columns[names[0]].map((_, at) => Object.fromEntries(names.map((name) => [name, columns[name][at]])));
  };

  /* The numbers of a column, NaN where nothing was measured. Packed, it holds two bytes for each fraction. */
  const numbers = (column, scale) => {
    if (Array.isArray(column)) return Float64Array.from(column, (value) => (value === null ? NaN : value));
    const bytes = atob(column);
    const found = new Float64Array(bytes.length / 2);
    for (let at = 0; at < found.length; at += 1) {
      const whole = bytes.charCodeAt(2 * at) | (bytes.charCodeAt(2 * at + 1) << 8);
      found[at] = whole === MISSING ? NaN : whole / scale;
    }
    return found;
  };

  /* A function whose result for a key is computed once. */
  const once = (compute) => {
    const known = new Map();
    return (...key) => {
      const name = key.join(" ");
      if (!known.has(name)) known.set(name, compute(...key));
      return known.get(name);
    };
  };

  /* Key -> the entries of a list with that key, both in the order of the list. */
  const groups = (list, keyOf) => {
    const found = new Map();
    for (const entry of list) {
      const key = keyOf(entry);
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(entry);
    }
    return found;
  };

  /* The place where each part of a column begins. */
  const starts = (sizes) => {
    let next = 0;
    return sizes.map((size) => {
      next += size;
      return next - size;
    });
  };

  return { records, numbers, once, groups, starts };
})();
