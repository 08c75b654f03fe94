/**
 * Pictures are drawn in the colours of paper. Where the reader's screen is dark these take their place, each for one of those, by a style within the picture:
 * it holds for a file that is opened alone, for one that a page shows, and for one that is part of a page.
 */
const darkFor: Readonly<Record<string, string>> = {
  '#ffffff': '#151a18',
  '#222222': '#e7ebe9',
  '#555555': '#a3aeaa',
  '#777777': '#8b9692',
  '#888888': '#78837f',
  '#dddddd': '#2e3633',
  '#0072b2': '#56a8e0',
  '#009e73': '#2fc497',
  '#d55e00': '#f28a3c',
  '#9a4a7f': '#d98bbd',
  '#b8860b': '#e0b040',
  '#3f87a6': '#74bbd8',
  '#5b5b5b': '#b4b4b4',
  '#7a3b12': '#c98a5e',
  '#c0392b': '#ff7b6b',
};

/** Of no weight: a page that lights an element by a class of its own goes before it. */
const rules = Object.entries(darkFor).flatMap(([light, dark]) => [
  `:where(.picture[fill="${light}"],.picture [fill="${light}"]){fill:${dark}}`,
  `:where(.picture [stroke="${light}"]){stroke:${dark}}`,
]);

export const darkStyle = `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`;

/** For what knows no screens, such as a PNG. */
export const withoutDark = (svg: string): string => svg.replace(darkStyle, '');
