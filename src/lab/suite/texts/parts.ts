/** What every report says in the same way: where its figures come from, by which commands, and which checks did not hold. */
import { type Block, list, text } from '../../report/blocks.ts';
import type { Figures } from '../figures.ts';
import { formatMachine } from '../../report/index.ts';

export function provenance(figures: Figures, ids: readonly string[]): readonly Block[] {
  const { summary } = figures;
  const steps = ids.map((id) => figures.step(id)).filter((step) => step !== null);
  const loads = steps.map(({ loadBefore }) => loadBefore);
  const load =
    loads.length === 0 ? '' : `Load average of the machine before each step, which says how much else it had to do: ${loads.join(', ')}.`;
  const short = [...new Set(steps.flatMap(({ shortened }) => shortened ?? []))];
  return [
    text(
      `Measured ${summary.startedAt.slice(0, 10)} by \`cairn lab report --${summary.report}\`, version ${summary.version}${summary.commit === null ? '' : `, commit ${summary.commit}`}, on ${formatMachine(summary.machine)}.`,
      load,
      short.length === 0 ? '' : `Shorter than in a full report: ${short.join('; ')}.`,
    ),
  ];
}

/** How to get the figures again, and what has none. */
export function commandsOf(figures: Figures, ids: readonly string[]): readonly Block[] {
  const steps = ids.map((id) => figures.step(id)).filter((step) => step !== null);
  const absent = ids.filter((id) => figures.lab(id) === null);
  return [
    ...(steps.length === 0 ? [] : [list(...steps.map(({ command, seconds }) => `\`${command}\` (${seconds} s)`))]),
    ...(absent.length === 0
      ? []
      : [text(`Without figures in this report: ${absent.map((id) => `${id} (${figures.step(id)?.reason ?? 'not run'})`).join(', ')}.`)]),
  ];
}

/** Each check that did not hold, with what was expected and what came. */
export function failedChecks(figures: Figures, ids: readonly string[]): readonly Block[] {
  const all = ids.flatMap((id) => (figures.lab(id)?.checks ?? []).map((check) => ({ id, ...check })));
  if (all.length === 0) return [text('Nothing was checked, since nothing ran to its end.')];
  const failed = all.filter(({ ok }) => !ok);
  if (failed.length === 0) return [text(`All ${all.length} checks of these runs hold.`)];
  return [
    text(`Of ${all.length} checks of these runs ${failed.length} do not hold:`),
    list(...failed.map(({ id, name, expected, got }) => `\`${id}\`: ${name}: expected ${expected}, got ${got}.`)),
  ];
}
