"use strict";
/* Numbers that follow from a choice in the page. Nothing here touches the document. */
const Statistics = (() => {
  const TINY = 1e-12; // errors below this are rounding: all differences are equal
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  /* The harmonic mean of two fractions; 0 where both are 0, NaN where one is. */
  const harmonic = (one, other) => (one + other > 0 ? (2 * one * other) / (one + other) : one + other);

  /* The sample standard deviation; null for fewer than two values. */
  const deviation = (values) => {
    if (values.length < 2) return null;
    const middle = mean(values);
    return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
  };

  /* P(|T| <= t) of Student's t with whole degrees of freedom (Abramowitz and Stegun 26.7.3, 26.7.4). */
  const within = (t, freedom) => {
    const angle = Math.atan(Math.abs(t) / Math.sqrt(freedom));
    const cosine = Math.cos(angle);
    const odd = freedom % 2 === 1;
    let term = odd ? cosine : 1;
    let sum = freedom === 1 ? 0 : term;
    for (let power = odd ? 3 : 2; power <= freedom - 2; power += 2) {
      term *= ((power - 1) / power) * cosine * cosine;
      sum += term;
    }
    return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
  };

  /* The t with P(|T| <= t) = level, by bisection. */
  const critical = (level, freedom) => {
    let low = 0;
    let high = 1e4;
    for (let step = 0; step < 80; step += 1) {
      const middle = (low + high) / 2;
      if (within(middle, freedom) < level) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };

  /* The two-sided p of a t test; null without an error, where all differences are equal. */
  const twoSided = (middle, error, freedom) => (error !== null && error > TINY ? 1 - within(middle / error, freedom) : null);

  /* The difference of pairs that are in blocks, which are data sets (paired.py says what each number answers). blocks: a
     list of differences for each. low, high, p and across are null where there are too few or no spread; n: pairs. */
  const paired = (blocks) => {
    const full = blocks.filter((values) => values.length);
    if (!full.length) return null;
    const means = full.map(mean);
    const middle = mean(means);
    const n = full.reduce((sum, values) => sum + values.length, 0);
    const freedom = n - full.length;
    const squares = full.reduce((sum, values, at) => sum + values.reduce((part, value) => part + (value - means[at]) ** 2, 0), 0);
    const error = freedom ? Math.sqrt((squares / freedom) * full.reduce((sum, values) => sum + 1 / values.length, 0)) / full.length : null;
    const reach = error === null || error <= TINY ? null : critical(0.95, freedom) * error;
    const spread = full.length > 1 ? deviation(means) / Math.sqrt(full.length) : null;
    return { mean: middle, low: reach === null ? null : middle - reach, high: reach === null ? null : middle + reach,
      p: twoSided(middle, error, freedom), across: twoSided(middle, spread, full.length - 1), n, blocks: full.length };
  };

  /* The p of several tests, corrected after Holm (1979). null is no test, and counts as none. */
  const holm = (values) => {
    const order = values.map((p, place) => [p, place]).filter(([p]) => p !== null).sort((a, b) => a[0] - b[0]);
    const corrected = values.map(() => null);
    let highest = 0;
    order.forEach(([p, place], rank) => {
      highest = Math.max(highest, Math.min(1, (order.length - rank) * p));
      corrected[place] = highest;
    });
    return corrected;
  };

  /* The places of the points [x, y] that no other point dominates; larger is better. Equal points are all on the front. */
  const pareto = (points) => {
    const order = points.map((_, place) => place).sort((a, b) => points[b][0] - points[a][0] || points[b][1] - points[a][1]);
    const front = [];
    let best = -Infinity;
    let at = null;
    for (const place of order) {
      const [x, y] = points[place];
      if (y > best) {
        best = y;
        at = x;
        front.push(place);
      } else if (y === best && x === at) front.push(place);
    }
    return front;
  };

  return { mean, harmonic, deviation, within, critical, paired, holm, pareto };
})();
