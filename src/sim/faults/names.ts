/** What can be done to brokers, their networks, clocks and disks. */
export const faultNames = [
  'crash',
  'powerLoss',
  'crashMany',
  'pauseKill',
  'stop',
  'leaderStop',
  'rollingRestart',
  'delay',
  'loss',
  'duplication',
  'reordering',
  'corruption',
  'tornFrame',
  'slowBroker',
  'partition',
  'oneWayPartition',
  'bridge',
  'majoritiesRing',
  'linkBreak',
  'halfOpen',
  'slowLine',
  'pause',
  'faultSwitch',
  'diskSlow',
  'disksSlow',
  'diskHang',
  'diskFull',
  'disksFull',
  'diskFailure',
  'diskReadFailure',
  'bitRot',
  'lostWrite',
  'lostPage',
  'badSector',
  'misdirectedWrite',
  'derivedLoss',
  'wipe',
  'rollback',
  'clockJump',
  'clockStrobe',
  'clockDrift',
] as const;

export type FaultName = (typeof faultNames)[number];

/** After one of these a broker is not expected to take part any more; they strike a minority, and only in some runs. */
export const lastingDamage: ReadonlySet<FaultName> = new Set([
  'bitRot',
  'lostWrite',
  'lostPage',
  'badSector',
  'misdirectedWrite',
  'wipe',
  'rollback',
]);

/** These rule a run for long, and others stand back meanwhile: each is in one run of four, and strikes once in it. */
export const longLasting: ReadonlySet<FaultName> = new Set(['slowLine', 'disksSlow', 'disksFull']);

/** `all`, `none` or names with commas; null and the wrong name when one is unknown. */
export function parseFaults(text: string): { readonly faults: readonly FaultName[] } | { readonly unknown: string } {
  if (text === 'all') return { faults: faultNames };
  if (text === 'none' || text === '') return { faults: [] };
  const faults: FaultName[] = [];
  for (const part of text.split(',')) {
    const name = faultNames.find((known) => known === part.trim());
    if (name === undefined) return { unknown: part.trim() };
    faults.push(name);
  }
  return { faults };
}
