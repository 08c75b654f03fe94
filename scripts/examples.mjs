// The examples of a page as one program: what docs/library.md shows is run by a test from the sources, and by the smoke test from the package.

/**
 * The blocks of JavaScript of a page, each with what is shown behind it.
 * @param {string} page
 * @returns {{ code: string, shown: string }[]}
 */
export function examplesOf(page) {
  const blocks = [...page.matchAll(/^```js\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?/gms)];
  return blocks.map(([, code = '', shown = '']) => ({ code, shown }));
}

const mark = '---';

/**
 * One module that runs all of them in their order, with the library from elsewhere and its brokers at these addresses in place of those that are shown.
 * @param {readonly { code: string }[]} examples
 * @param {{ library: string, servers: readonly string[], last: string }} where last: what stands behind the examples
 */
export function programOf(examples, { library, servers, last }) {
  return [...examples.map(({ code }) => code), last]
    .join(`console.log("${mark}");\n`)
    .replace("'cairn-log-client'", JSON.stringify(library))
    .replaceAll(/http:\/\/127\.0\.0\.1:800(\d)/g, (_whole, vertex) => servers[Number(vertex)] ?? '');
}

/**
 * What each of them printed, and what is shown behind each; numbers of offsets are another time's.
 * @param {string} printed
 * @param {readonly { shown: string }[]} examples
 */
export function compared(printed, examples) {
  const normalized = (/** @type {string} */ text) => text.replaceAll(/offset \d+/g, 'offset #').trim();
  return {
    printed: printed.split(`${mark}\n`).slice(0, examples.length).map(normalized),
    shown: examples.map(({ shown }) => normalized(shown)),
  };
}
