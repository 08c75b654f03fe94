/** How much of each experiment is made. `--quick` shortens durations and counts, leaves out the most clients at once, and nothing else. */
export interface Extent {
  /** 1: of each publisher. */
  readonly messages: number;
  /** 3 and 4: to a topic, before and while its home is down, and topics that are made meanwhile. */
  readonly outage: { readonly messages: number; readonly topicsMade: number };
  /** 6 */
  readonly apis: { readonly clients: readonly number[]; readonly requestsMax: number; readonly msMax: number; readonly mixedMs: number };
  /** 6, on the old wire: of each API. */
  readonly wire: { readonly requestsMax: number; readonly msMax: number };
  /** 7: of each pair of brokers; and for each largest rate, and each delay and kind of request, so long with so many clients. */
  readonly forwarding: {
    readonly requests: number;
    readonly rateMs: number;
    readonly rateClients: number;
    readonly delayMs: number;
    readonly delayClients: number;
    readonly delays: readonly number[];
  };
  /** 7: replicated beside unreplicated; so long healthy, with a home dead and on its return each, and of random kills for each number of peers. */
  readonly failures: { readonly phaseMs: number; readonly killsMs: number; readonly peers: readonly number[] };
  /** 8: each situation. */
  readonly staleness: { readonly phaseMs: number };
  readonly pingPong: { readonly ms: number };
}

export const fullExtent: Extent = {
  messages: 200,
  outage: { messages: 50, topicsMade: 4 },
  apis: { clients: [1, 8, 64], requestsMax: 400, msMax: 1000, mixedMs: 10_000 },
  wire: { requestsMax: 2000, msMax: 4000 },
  forwarding: { requests: 30, rateMs: 4000, rateClients: 64, delayMs: 2500, delayClients: 16, delays: [0, 5, 20, 50] },
  failures: { phaseMs: 12_000, killsMs: 30_000, peers: [4, 8] },
  staleness: { phaseMs: 5000 },
  pingPong: { ms: 5000 },
};

export const quickExtent: Extent = {
  messages: 10,
  outage: { messages: 10, topicsMade: 2 },
  apis: { clients: [1, 8], requestsMax: 10, msMax: 25, mixedMs: 250 },
  wire: { requestsMax: 100, msMax: 150 },
  forwarding: { requests: 1, rateMs: 150, rateClients: 64, delayMs: 80, delayClients: 16, delays: [0, 5, 20, 50] },
  // One kill.
  failures: { phaseMs: 500, killsMs: 1, peers: [8] },
  staleness: { phaseMs: 350 },
  pingPong: { ms: 300 },
};
