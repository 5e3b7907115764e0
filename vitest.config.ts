import { defineConfig } from 'vitest/config';

/** Tests import the packages' sources; only spawned processes use the build. */
const conditions = ['@dshackle/source'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'examples/*/src/**/*.test.ts',
      'scripts/**/*.test.ts',
      'bench/src/**/*.test.mjs',
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // They wait more than they compute: for blocks, and for what failed to come back.
    maxWorkers: 3,
  },
});
