// npm start: installs and builds, then the demonstration, or with --config the server alone.
import { spawn } from 'node:child_process';
import { build, install, root } from './pnpm.mjs';

const args = process.argv.slice(2);
const serve = args.some((arg) => arg === '--config' || arg.startsWith('--config='));
const entry = serve ? 'packages/server/dist/cli.js' : 'examples/demo/dist/main.js';

console.log('setting up (about a minute the first time)');
await install({ quiet: true });
await build({ quiet: true });

const child = spawn(process.execPath, [entry, ...args], { cwd: root, stdio: 'inherit' });
// The child has the terminal's signals already; one sent to this process alone goes on to it.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (!process.stdin.isTTY || signal === 'SIGTERM') child.kill(signal);
  });
}
child.once('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
