// npm test: installs, builds, lints, type-checks and runs all tests. Arguments go to vitest.
import { build, install, must, root } from './pnpm.mjs';

const major = Number(process.versions.node.split('.')[0]);
const minor = Number(process.versions.node.split('.')[1]);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node 20.19 or newer is needed; this is ${process.version}`);
  process.exit(1);
}

const args = process.argv.slice(2);
console.log('install');
await install({ quiet: true });
console.log('build and type-check');
await build();
console.log('lint');
await must('node', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']);
console.log(`test in ${root === process.cwd() ? 'this folder' : 'the root'}`);
await must('node', ['node_modules/vitest/vitest.mjs', 'run', ...args]);
