/**
 * The page: one self-contained HTML file, built from `ui/`. Its inline script and style are allowed by their hashes and nothing else is, so that
 * no text of an event can ever run as a script.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from './context.ts';

export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

const fallback = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Cairn</title></head>
<body><h1>Cairn</h1><p>This broker runs, but its page is not built: run <code>npm run build</code>.</p>
<p><a href="/v1/status">/v1/status</a> <a href="/v1/brokers">/v1/brokers</a> <a href="/v1/topics">/v1/topics</a> <a href="/openapi.json">/openapi.json</a></p></body></html>
`;

export function loadPage(folder: string): Page {
  const file = path.join(folder, 'index.html');
  const html = existsSync(file) ? readFileSync(file, 'utf8') : fallback;
  return { html, headers: pageHeaders(html) };
}

function pageHeaders(html: string): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `script-src ${hashes(html, 'script') || "'none'"}`,
    `style-src ${hashes(html, 'style') || "'none'"}`,
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  };
}

/** Sources of the form 'sha256-...' for each inline element. A browser hashes the text after turning CR LF into LF. */
function hashes(html: string, tag: 'script' | 'style'): string {
  const inline = html.replaceAll('\r\n', '\n').matchAll(new RegExp(`<${tag}(?![^>]*\\ssrc=)[^>]*>([\\s\\S]*?)</${tag}>`, 'g'));
  return [...inline].map(([, text = '']) => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`).join(' ');
}

export function addPageRoute(app: FastifyInstance, { pageFolder }: ApiContext): void {
  const page = loadPage(pageFolder);
  const schema = { summary: 'The page' };
  app.get('/', { schema, config: { verb: 'show the page' } }, (_request, reply) => reply.headers(page.headers).send(page.html));
}
