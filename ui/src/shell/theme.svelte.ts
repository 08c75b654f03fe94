/** Light or dark: what the system prefers, until the reader chose the other one. Style sheets read it from `data-theme` of the root element. */

type Theme = 'light' | 'dark';

const STORAGE_KEY = 'cairn-theme';
const preference = matchMedia('(prefers-color-scheme: dark)');

function readChoice(): Theme | null {
  try {
    const stored = sessionStorage.getItem(STORAGE_KEY);
    return stored === 'light' || stored === 'dark' ? stored : null;
  } catch {
    return null;
  }
}

let preferred = $state<Theme>(preference.matches ? 'dark' : 'light');
let choice = $state<Theme | null>(readChoice());

/** A canvas does not follow the style sheet: whoever draws on one draws it anew when this changes. */
export const shownTheme = (): Theme => choice ?? preferred;

/** To the other one; remembered for this tab, unless that is what the system prefers anyway. */
export function toggleTheme(): void {
  const wanted = shownTheme() === 'dark' ? 'light' : 'dark';
  choice = wanted === preferred ? null : wanted;
  try {
    if (choice === null) sessionStorage.removeItem(STORAGE_KEY);
    else sessionStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // A browser that stores nothing shows what the system prefers after a reload.
  }
  apply();
}

function apply(): void {
  document.documentElement.dataset['theme'] = shownTheme();
}

preference.addEventListener('change', ({ matches }) => {
  preferred = matches ? 'dark' : 'light';
  apply();
});
apply();
