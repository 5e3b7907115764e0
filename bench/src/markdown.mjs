/** A table whose first column is text and whose others are figures. */
export function table(heads, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = heads.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(heads), line(rule), ...rows.map(line)].join('\n');
}

/** Milliseconds with as many digits as are worth reading; `–` for what never came. */
export function ms(value) {
  if (value === null) return '–';
  return Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0);
}

/** p50, p99 and the most of a summary. */
export function threeMs({ p50, p99, most }) {
  return [ms(p50), ms(p99), ms(most)];
}

/** Under what a section was measured that was not measured with all others. */
export function measuredText(measured) {
  if (measured === undefined) return '';
  const { date, loadBefore, rounds, seconds } = measured;
  const how = rounds === undefined ? '' : `, ${rounds} rounds of ${seconds} s`;
  const shared = loadBefore > 1 ? ' The machine was shared with other work.' : '';
  return `Measured on ${date} at a load average of ${loadBefore.toFixed(1)}${how}.${shared}\n\n`;
}
