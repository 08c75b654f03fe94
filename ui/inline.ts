import type { Plugin } from 'vite';

/**
 * Puts the built script and style sheet into index.html, so that the page is one file that asks for nothing.
 *
 * Invariant: exactly one <script> and one <style> come out. The gateway allows them by their SHA-256 in the Content-Security-Policy and allows no
 * other, so a second one would be dead; the build fails rather than making such a page.
 */
export function inlineEverything(): Plugin {
  return {
    name: 'cairn-inline',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const page = bundle['index.html'];
      if (page?.type !== 'asset') throw new Error('Cannot inline the page: index.html was not built');
      let script = '';
      let style = '';
      for (const [name, output] of Object.entries(bundle)) {
        if (output === page) continue;
        if (output.type === 'chunk') {
          if (script !== '') throw new Error(`Cannot inline the page: a second script chunk ${name} was built`);
          script = output.code;
        } else if (name.endsWith('.css')) {
          style += textOf(output.source);
        } else {
          throw new Error(`Cannot inline the page: ${name} is neither script nor style`);
        }
        delete bundle[name];
      }

      // A replacement function, because the code may hold `$&` and its like.
      const html = textOf(page.source)
        .replaceAll(/\s*<script\b[^>]*\bsrc=[^>]*><\/script>/g, '')
        .replaceAll(/\s*<link\b[^>]*\brel="(?:stylesheet|modulepreload)"[^>]*>/g, '')
        .replace('</head>', () => `  <style>${style.trim()}</style>\n  </head>`)
        .replace('</body>', () => `  <script type="module">${safeInScript(script.trim())}</script>\n  </body>`);
      const count = (pattern: RegExp): number => html.match(pattern)?.length ?? 0;
      if (count(/<script\b/g) !== 1 || count(/<style\b/g) !== 1)
        throw new Error('Cannot inline the page: it has not exactly one script and one style');
      page.source = html;
    },
  };
}

/** Inside <script> only these two sequences mean something to HTML; both are only ever parts of strings and patterns, where the backslash changes nothing. */
function safeInScript(code: string): string {
  return code.replaceAll(/<(?=\/?script)/gi, String.raw`\x3c`).replaceAll('<!--', String.raw`\x3c!--`);
}

function textOf(source: string | Uint8Array): string {
  return typeof source === 'string' ? source : new TextDecoder().decode(source);
}
