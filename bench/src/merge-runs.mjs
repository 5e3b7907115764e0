/**
 * A run of a part, put in place of the same part of an earlier run. What is new says when it was measured,
 * because the rest of the report speaks of the earlier one.
 * @param {readonly string[]} order of the ids of loads
 */
export function mergeRuns(before, fresh, order) {
  const { machine, rounds, seconds, names, results, providerResults, ...sections } = fresh;
  const { warmUpSeconds: _, ...further } = sections;
  const { date, loadBefore } = machine;
  const merged = { ...before, names: { ...before.names, ...names } };
  const measured = { date, loadBefore };
  const put = (earlier, later) => {
    const replaced = new Set(later.map(({ id }) => id));
    const kept = earlier.filter(({ id }) => !replaced.has(id));
    const dated = later.map((each) => ({ ...each, measured: { ...measured, rounds, seconds } }));
    return [...kept, ...dated].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
  };
  merged.results = put(before.results, results);
  merged.providerResults = put(before.providerResults, providerResults);
  for (const [id, section] of Object.entries(further)) merged[id] = { ...section, measured };
  return merged;
}
