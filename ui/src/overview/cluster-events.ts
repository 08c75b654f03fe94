/** What the brokers told of themselves in `cairn.events` (docs/events.md). Anybody may append to that topic: what is no such event is passed over. */
import { escapeText } from '../../../src/base/escape.ts';

/** One line of the list, and one mark on the charts: what happened at once to many groups, or was told by several brokers, is one. */
export interface ClusterEvent {
  /** By the clock of the broker that serves the page. */
  readonly atMs: number;
  readonly kind: EventKind;
  readonly text: string;
  /** Of the newest record that it is made of. */
  readonly offset: number;
}

export type EventKind = 'started' | 'election' | 'leader' | 'fault' | 'healed' | 'slow' | 'other';

export interface EventRecord {
  readonly offset: number;
  readonly value?: string | null;
}

/** What the page knows of brokers and groups, to say it in words. */
export interface EventWords {
  /** By how many ms a broker's wall clock is ahead. */
  readonly aheadMsOf: (broker: number) => number;
  /** What people call a group; null where nothing is known of it. */
  readonly topicOf: (group: number) => string | null;
}

interface Told {
  readonly atMs: number;
  readonly broker: number;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly offset: number;
}

/** Said within this time it is one thing. */
const togetherMs = 2000;
const namesMax = 3;

/** Null for what is no event, or says only how busy a broker is. */
export function parseEvent({ offset, value }: EventRecord): Told | null {
  let fields: unknown;
  try {
    fields = JSON.parse(value ?? '');
  } catch {
    return null;
  }
  if (typeof fields !== 'object' || fields === null) return null;
  const { atMs, broker, event } = fields as Record<string, unknown>;
  if (typeof atMs !== 'number' || typeof broker !== 'number' || typeof event !== 'string' || event === 'load') return null;
  return { atMs, broker, event, fields: fields as Record<string, unknown>, offset };
}

/** Newest first. */
export function clusterEvents(told: readonly Told[], words: EventWords): readonly ClusterEvent[] {
  const sets: Told[][] = [];
  const open = new Map<string, Told[]>();
  for (const each of told.map((one) => ({ ...one, atMs: one.atMs - words.aheadMsOf(one.broker) })).toSorted((a, b) => a.atMs - b.atMs)) {
    const key = togetherBy(each);
    const set = open.get(key);
    if (set !== undefined && each.atMs - (set[0] as Told).atMs <= togetherMs) set.push(each);
    else {
      const begun = [each];
      open.set(key, begun);
      sets.push(begun);
    }
  }
  return sets.map((set) => oneOf(set, words)).toReversed();
}

/** Many groups of one broker; one fault that several brokers tell of. */
const togetherBy = ({ event, broker, fields }: Told): string =>
  event === 'fault'
    ? JSON.stringify([event, fields['kind'], fields['groups'], fields['ms'], fields['link'], isOwnFault(fields) ? broker : null])
    : JSON.stringify([event, broker]);

const isOwnFault = ({ kind }: Told['fields']): boolean => kind === 'crash' || kind === 'recover';

function oneOf(set: readonly Told[], words: EventWords): ClusterEvent {
  const [first] = set as [Told, ...Told[]];
  return {
    atMs: first.atMs,
    kind: kindOf(first),
    text: escapeText(textOf(first, set, words), { keepTabs: false }),
    offset: Math.max(...set.map(({ offset }) => offset)),
  };
}

function kindOf({ event, fields }: Told): EventKind {
  if (event === 'started' || event === 'election' || event === 'leader') return event;
  if (event === 'slowSync') return 'slow';
  if (event !== 'fault') return 'other';
  return fields['kind'] === 'recover' || fields['kind'] === 'heal' ? 'healed' : 'fault';
}

function textOf({ event, broker, fields }: Told, set: readonly Told[], words: EventWords): string {
  const groups = [...new Set(set.flatMap((each) => (typeof each.fields['group'] === 'number' ? [each.fields['group']] : [])))];
  const what = groupsText(groups, words);
  const terms = [...new Set(set.map((each) => shown(each.fields['term'])))];
  const term = terms.length === 1 && terms[0] !== '' ? `, term ${terms[0] ?? ''}` : '';
  switch (event) {
    case 'started':
      return `Broker ${broker} started, version ${shown(fields['version'])}`;
    case 'election':
      return `Broker ${broker} asks for votes: ${what}${term}`;
    case 'leader':
      return `Broker ${broker} leads ${what}${term}`;
    case 'slowSync':
      return `Broker ${broker} took ${Math.max(...set.map((each) => Number(each.fields['ms']) || 0))} ms to write and sync ${what}`;
    case 'fault':
      return faultText(
        fields,
        [...new Set(set.map((each) => each.broker))].toSorted((a, b) => a - b),
      );
    case 'scheduledDropped':
      return `Broker ${broker} gave up what was to be appended later to ${shown(fields['topic'])}: ${shown(fields['reason'])}`;
    default:
      return `Broker ${broker}: ${event}`;
  }
}

function groupsText(groups: readonly number[], { topicOf }: EventWords): string {
  const names = groups.map((group) => (group === 1 ? 'the catalog' : (topicOf(group) ?? `group ${group}`)));
  if (names.length <= namesMax) return names.join(', ');
  return `${names.slice(0, namesMax).join(', ')} and ${names.length - namesMax} more`;
}

function faultText(fields: Told['fields'], brokers: readonly number[]): string {
  const who = brokers.length === 1 ? `Broker ${brokers.join('')}` : `Brokers ${brokers.join(', ')}`;
  const link = typeof fields['link'] === 'string' ? `on link ${fields['link']}` : 'on all links';
  switch (fields['kind']) {
    case 'crash':
      return `${who} was told to act as crashed`;
    case 'recover':
      return `${who} acts as crashed no more`;
    case 'pause':
      return `${who} was paused by hand: nothing leaves it, nothing is taken`;
    case 'partition':
      return `${who}: links cut by hand between ${shown(fields['groups']).replaceAll('|', ' and ')}`;
    case 'delay':
      return `${who}: ${shown(fields['ms'])} ms delay by hand ${link}`;
    case 'heal':
      return `${who}: faults in links ended`;
    default:
      return `${who}: fault ${shown(fields['kind'])}`;
  }
}

const shown = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');
