"use strict";
/* Numbers that follow from a choice in the page. Nothing here touches the document. */
const Statistics = (() => {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

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

  /* Paired t test of equally long lists. Its interval covers 95 %. low, high and p are null for fewer than two pairs;
     p is null where all differences are equal. */
  const paired = (ours, theirs) => {
    const differences = ours.map((value, place) => value - theirs[place]);
    const n = differences.length;
    if (n === 0) return null;
    const middle = mean(differences);
    if (n === 1) return { mean: middle, low: null, high: null, p: null, n };
    const error = deviation(differences) / Math.sqrt(n);
    const reach = critical(0.95, n - 1) * error;
    const p = error > 1e-12 ? 1 - within(middle / error, n - 1) : null;
    return { mean: middle, low: middle - reach, high: middle + reach, p, n };
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

  return { mean, deviation, within, critical, paired, pareto };
})();
