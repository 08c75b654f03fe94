import { LogError } from '../../eventlog/index.ts';
import type { Identity } from '../../storage/index.ts';
import type { Core } from '../core.ts';
import { catalogGroup, eventsTopic } from '../well-known.ts';
import type { Catalog } from './catalog.ts';

export interface RegistrationOptions {
  readonly identity: Identity;
  /** Of this life. */
  readonly nonce: string;
  readonly address: string;
  fatal(error: LogError): void;
}

/** What a broker owes the catalog: its own entry, and where it leads, the topic that all brokers write their events to. One command at a time. */
export class Registration {
  readonly #core: Core;
  readonly #catalog: Catalog;
  readonly #options: RegistrationOptions;
  #isDone = false;
  #isAsking = false;

  constructor(core: Core, catalog: Catalog, options: RegistrationOptions) {
    this.#core = core;
    this.#catalog = catalog;
    this.#options = options;
  }

  /** The catalog has this life of the broker. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** `registered` comes once the catalog has this broker. */
  maintain(registered: () => void): void {
    if (this.#isAsking || !this.#catalog.isCurrent) return;
    if (!this.#isDone) this.#register(registered);
    else if (this.#core.replica(catalogGroup)?.raft.role === 'leader' && this.#catalog.state.topic(eventsTopic) === undefined)
      this.#createEvents();
  }

  /** A data directory that was rolled back, or copied, comes with an incarnation that the catalog has seen already (design, D11). */
  #register(registered: () => void): void {
    const { nonce, identity, address } = this.#options;
    const { brokerId: id, incarnation } = identity;
    this.#isAsking = true;
    this.#catalog.submit({ type: 'registerBroker', id, incarnation, nonce, address }, (result) => {
      this.#isAsking = false;
      if (!result.ok) return;
      if (result.value === 'done') {
        this.#isDone = true;
        registered();
        return;
      }
      const known = this.#catalog.state.broker(id);
      const reason = `it comes as incarnation ${incarnation}, but incarnation ${known?.incarnation ?? 0} has been here: it was rolled back or copied`;
      this.#options.fatal(new LogError('wrongIdentity', `Cannot take part with this data directory: ${reason}`));
    });
  }

  #createEvents(): void {
    this.#isAsking = true;
    const { eventsRetentionBytes: retentionBytes, topicsMax } = this.#core.settings;
    this.#catalog.submit(
      { type: 'createTopic', name: eventsTopic, retentionBytes, builtIn: true, topicsMax, placed: null, originalName: null },
      () => {
        this.#isAsking = false;
      },
    );
  }
}
