// Reads vitest's JSON report; fails when a test failed, was skipped, or none ran.
import { readFileSync } from 'node:fs';

const [file] = process.argv.slice(2);
if (!file) {
  console.error('usage: check-report.mjs FILE');
  process.exit(2);
}
const report = JSON.parse(readFileSync(file, 'utf8'));
const skipped = [];
let passed = 0;
let failed = 0;
for (const { name, assertionResults, status } of report.testResults) {
  if (status === 'failed' && assertionResults.length === 0) failed += 1;
  for (const test of assertionResults) {
    if (test.status === 'passed') passed += 1;
    else if (test.status === 'failed') failed += 1;
    else skipped.push(`${name}: ${test.fullName} (${test.status})`);
  }
}
for (const test of skipped) console.error(`skipped: ${test}`);
console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
if (failed > 0 || skipped.length > 0 || passed === 0) process.exit(1);
