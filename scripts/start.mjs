// npm start: installs and builds where that is needed, then the demonstration, or with --config the server alone.
import { spawn } from 'node:child_process';
import { build, install, isBuilt, isInstalled, root } from './pnpm.mjs';

const usage = `npm start                     local nodes of two chains, a server before them, and a demonstration
npm start -- --once           the same, ending after the demonstration
npm start -- --config FILE    a server before your own nodes

Options of the demonstration: --port PORT (8080), --block-time MS (3000)`;

const args = process.argv.slice(2);
const serve = args.some((arg) => arg === '--config' || arg.startsWith('--config='));
const entry = serve ? 'packages/server/dist/cli.js' : 'examples/demo/dist/main.js';

const known = ['--once', '--help'];
const unknown = serve ? undefined : args.find((arg, i) => !known.includes(arg) && !takesValue(i));
if (args.includes('--help') || unknown !== undefined) {
  if (unknown !== undefined) console.error(`unknown option ${unknown}`);
  console.log(usage);
  process.exit(unknown === undefined ? 0 : 2);
}

if (!isInstalled() || !isBuilt()) {
  console.log('setting up (about a minute the first time)');
  await install({ quiet: true });
  await build({ quiet: true });
}

const child = spawn(process.execPath, [entry, ...args], { cwd: root, stdio: 'inherit' });
// The child has the terminal's signals already; one sent to this process alone goes on to it.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (!process.stdin.isTTY || signal === 'SIGTERM') child.kill(signal);
  });
}
child.once('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));

/** `--port 1` and `--port=1`: the option and its value. */
function takesValue(index) {
  const names = ['--port', '--block-time'];
  const isOption = names.some((name) => args[index] === name || args[index].startsWith(`${name}=`));
  return isOption || names.includes(args[index - 1]);
}
