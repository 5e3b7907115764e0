import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootFolder } from './run-node.ts';

/** All code blocks of that language in a document, of which there must be one. */
export async function codeBlocks(file: string, language: string): Promise<readonly string[]> {
  const text = await readFile(join(rootFolder, file), 'utf8');
  const fence = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g');
  const found = [...text.matchAll(fence)].flatMap(([, block]) => block ?? []);
  if (found.length === 0) throw new Error(`${file} has no ${language} block`);
  return found;
}

/** The first of {@link codeBlocks}. */
export async function codeBlock(file: string, language: string): Promise<string> {
  return (await codeBlocks(file, language))[0] as string;
}
