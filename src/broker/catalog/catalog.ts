import type { Appends } from '../edge/index.ts';
import type { Core } from '../core.ts';
import { ReplicatedStateMachine } from '../replica/index.ts';
import { catalogGroup } from '../well-known.ts';
import { type CatalogCommand, type CatalogEffects, type CatalogOutcome, CatalogState, parseCommand } from './catalog-state.ts';

/** The catalog on one broker: its state, and the way for commands into its log. */
export class Catalog extends ReplicatedStateMachine<CatalogCommand, CatalogOutcome> {
  readonly state: CatalogState;

  constructor(core: Core, appends: Appends, oldTopicsMax: number, effects: CatalogEffects) {
    const { bytes, clock } = core.host;
    const state = new CatalogState(oldTopicsMax);
    super(
      {
        encode: (command) => bytes.utf8Encode(JSON.stringify(command)),
        apply: (value, at, timeMs) => {
          const command = value === null ? null : parseCommand(bytes.utf8Decode(value));
          return command === null ? 'invalid' : state.apply(command, at, timeMs, effects);
        },
        snapshot: () => bytes.utf8Encode(state.snapshot()),
        restore: (snapshot) => state.restore(bytes.utf8Decode(snapshot)),
      },
      {
        group: catalogGroup,
        called: 'the catalog',
        derivedFrom: 'topics',
        bytes,
        observer: core.observer,
        nowMs: () => core.nowMs(),
        wallMs: () => clock.wallMs(),
        replica: () => core.replica(catalogGroup),
        wake: () => core.wake(),
        append: (batch, timeoutMs, answer) => {
          const common = { topic: 'the catalog', level: 'quorum' as const, requestId: null, sequence: 0, expectedOffset: null };
          appends.append(catalogGroup, { ...common, batch, timeoutMs }, answer);
        },
      },
    );
    this.state = state;
  }
}
