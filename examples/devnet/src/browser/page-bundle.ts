import { isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, defaultClientConditions } from 'vite';

const packages = fileURLToPath(new URL('../../../../packages/', import.meta.url));

/** A page's script as an application would build it. */
export interface PageBundle {
  /** Texts of the scripts by file name; the first to load is `page.js`. */
  readonly scripts: ReadonlyMap<string, string>;
  /** Node built-ins that our own modules import, and which of them do. */
  readonly builtins: readonly string[];
}

/** Builds a page out of the sources. `entry`: path of its script. Rejects when it cannot be built. */
export async function bundlePage(entry: string): Promise<PageBundle> {
  const builtins: string[] = [];
  const built = await build({
    configFile: false,
    logLevel: 'error',
    root: dirname(entry),
    resolve: { conditions: ['@dshackle/source', ...defaultClientConditions] },
    plugins: [
      {
        name: 'find-builtins',
        enforce: 'pre',
        resolveId(source, importer) {
          const isOurs = importer?.startsWith(packages) && !importer.includes('node_modules');
          if (isOurs && isBuiltin(source)) builtins.push(`${source} by ${importer}`);
        },
      },
    ],
    build: {
      write: false,
      minify: false,
      rolldownOptions: { input: { page: entry }, output: { entryFileNames: '[name].js' } },
    },
  });
  const outputs = Array.isArray(built) ? built : [built];
  const files = outputs.flatMap((output) => ('output' in output ? output.output : []));
  const scripts = new Map(
    files.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file.code] as const] : [])),
  );
  return { scripts, builtins };
}
