/** What `--explain` prints: what would be done where. */
import { escapeControls } from '../../base/escape.ts';
import { explainRequest, type SearchRequest } from '../../query/index.ts';
import type { Machine } from '../../search/ask/index.ts';

export function explain(request: SearchRequest, machines: readonly Machine[]): string {
  const asked = machines.map(({ name, origin }) => `  ${name === null ? origin : `${name} at ${origin}`}`);
  const lines = [`${machines.length} machines are asked at once:`, ...asked, ...explainRequest(request)];
  return lines.map((line) => `${escapeControls(line)}\n`).join('');
}
