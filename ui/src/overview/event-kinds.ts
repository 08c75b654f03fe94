import type { EventKind } from './cluster-events.ts';

/** How each kind is marked on the charts and in the list: by its shape, and a colour of tokens.css. */
export const eventMarks: Readonly<Record<EventKind, { readonly glyph: string; readonly color: string; readonly name: string }>> = {
  started: { glyph: '●', color: '--colour-b', name: 'started' },
  election: { glyph: '▲', color: '--colour-c', name: 'election' },
  leader: { glyph: '◆', color: '--colour-accent', name: 'new leader' },
  fault: { glyph: '✕', color: '--colour-bad', name: 'fault by hand' },
  healed: { glyph: '○', color: '--colour-ok', name: 'fault ended' },
  slow: { glyph: '■', color: '--colour-warning', name: 'slow disk' },
  other: { glyph: '□', color: '--colour-muted', name: 'other' },
};
