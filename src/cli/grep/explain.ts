/** What `--explain` prints: what would be done where. */
import { escapeControls } from '../../base/escape.ts';
import { explainRequest } from '../../query/index.ts';
import type { Question } from '../../search/ask/index.ts';

export function explain({ request, machines }: Question): string {
  const asked = machines.map(({ name, origin }) => `  ${name === null ? origin : `${name} at ${origin}`}`);
  const how =
    request.source.kind === 'topic' ? 'The first of these that answers is asked:' : `${machines.length} machines are asked at once:`;
  const lines = [how, ...asked, ...explainRequest(request)];
  return lines.map((line) => `${escapeControls(line)}\n`).join('');
}
