import type { GatewayOptions } from '../../src/gateway/http/index.ts';
import type { TraceSource } from '../../src/clocks/index.ts';

/** Of a gateway that no broker is behind. */
export const noTrace: TraceSource = {
  first: 1,
  count: 0,
  event: () => {
    throw new Error('nothing was noted');
  },
};

export const noAgents: GatewayOptions['agentClocks'] = () => ({ agents: [], left: 0 });
