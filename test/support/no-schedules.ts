import { LogError, type ScheduleService } from '../../src/eventlog/index.ts';

const no = { ok: false, error: new LogError('invalidRequest', 'Cannot do this: nothing is appended later here') } as const;

/** Of a log in memory: nothing is appended later. */
export const noSchedules: ScheduleService = {
  listScheduled: (_query, answer) => queueMicrotask(() => answer(no)),
  cancelScheduled: (_id, answer) => queueMicrotask(() => answer(no)),
};
