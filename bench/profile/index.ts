import type { WorldSettings } from '../world.ts';

export async function profileAppends(_settings: WorldSettings): Promise<string> {
  return '';
}
