import { escapeJson } from '../base/escape.ts';
import type { IdQuery } from '../eventlog/subscriptions.ts';
import { topicPageMax } from '../eventlog/types.ts';
import { type CliIo, write } from './io.ts';

/** An id may be any text: it stands in quotes, its controls escaped. */
export const shownId = (id: string): string => escapeJson(JSON.stringify(id));

/** Page by page, however many there are: each is written when it has come, those behind the first without its head. */
export async function idPages<Page extends { readonly next: string | null }>(
  list: (query: IdQuery) => Promise<Page>,
  format: (page: Page) => string,
  { prefix = '', json = false }: { readonly prefix?: string; readonly json?: boolean },
  io: CliIo,
): Promise<void> {
  let isFirst = true;
  for (let after: string | null = ''; after !== null; ) {
    const page = await list({ prefix, after, limit: topicPageMax });
    const text = format(page);
    await write(io.stdout, isFirst || json ? text : text.slice(text.indexOf('\n') + 1));
    isFirst = false;
    after = page.next;
  }
}
