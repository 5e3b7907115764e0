import { expect, it } from 'vitest';
import * as server from './index.ts';

it('the package exports this and nothing else', () => {
  expect(Object.keys(server).sort()).toEqual([
    'ConfigError',
    'defaultDoorLimits',
    'dumpConfig',
    'formatProblem',
    'lineLogger',
    'loadConfig',
    'startConfigured',
    'startServer',
  ]);
});
