/** Prose with figures in it, that becomes Markdown for `docs/reports/` and HTML for reports: one text, and no figure typed twice. */
import { escapeXml as escapeHtml } from '../../chart/index.ts';

export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  /** May hold `code`, *stress* and [links](to). */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
  /** A graph that a step has left. */
  | { readonly kind: 'graph'; readonly step: string; readonly name: string; readonly caption: string };

export const heading = (text: string): Block => ({ kind: 'heading', text });
export const text = (...sentences: readonly string[]): Block => ({ kind: 'text', text: sentences.filter((each) => each !== '').join(' ') });
export const list = (...items: readonly string[]): Block => ({ kind: 'list', items });
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): Block => ({ kind: 'table', head, rows });
export const graph = (step: string, name: string, caption: string): Block => ({ kind: 'graph', step, name, caption });

export interface MarkdownOptions {
  /** Prose in lines. */
  readonly paragraph: (text: string, indent?: string) => readonly string[];
  /** Where the file of a graph is; null where there is none. */
  readonly graphFile: (step: string, name: string) => string | null;
}

export function toMarkdown(blocks: readonly Block[], { paragraph, graphFile }: MarkdownOptions): string {
  const parts = blocks.flatMap((block): readonly string[] => {
    switch (block.kind) {
      case 'heading':
        return [`## ${block.text}`];
      case 'text':
        return [paragraph(block.text).join('\n')];
      case 'list':
        return [block.items.flatMap((item) => paragraph(`- ${item}`, '  ')).join('\n')];
      case 'table':
        return block.rows.length === 0 ? [] : [markdownTable(block.head, block.rows)];
      case 'graph': {
        const file = graphFile(block.step, block.name);
        return file === null ? [] : [`![${block.caption}](${file})`];
      }
    }
  });
  return `${parts.join('\n\n')}\n`;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumeric = (index: number): boolean => rows.some((row) => /^-?[\d.,]+$/.test(row[index] ?? ''));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (isNumeric(index) ? '--:' : '---'))), ...rows.map(line)].join('\n');
}

export interface HtmlOptions {
  readonly renderTable: (head: readonly string[], rows: readonly (readonly string[])[]) => string;
  /** The graph itself; empty where there is none. */
  readonly renderGraph: (step: string, name: string, caption: string) => string;
}

export function toHtml(blocks: readonly Block[], { renderTable, renderGraph }: HtmlOptions): string {
  return blocks
    .map((block) => {
      switch (block.kind) {
        case 'heading':
          return `<h3>${inline(block.text)}</h3>`;
        case 'text':
          return `<p>${inline(block.text)}</p>`;
        case 'list':
          return `<ul>${block.items.map((item) => `<li>${inline(item)}</li>`).join('')}</ul>`;
        case 'table':
          return block.rows.length === 0 ? '' : renderTable(block.head, block.rows);
        case 'graph':
          return renderGraph(block.step, block.name, block.caption);
      }
    })
    .join('\n');
}

/** Only links to elsewhere become links: pages beside the Markdown are not beside the report. */
const inline = (prose: string): string =>
  escapeHtml(prose)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<b>$1</b>')
    .replaceAll(/\*([^*]+)\*/g, '<i>$1</i>')
    .replaceAll(/\[([^\]]+)\]\((https?:[^)\s]+)\)/g, '<a href="$2">$1</a>')
    .replaceAll(/\[([^\]]+)\]\(([^)\s]+)\)/g, '$1');
