/**
 * Loss of power: `forgetful-disk.py` is a file system that forgets what was not synced, bytes and names; `forgetful-disk.ts` mounts it;
 * `power-loss.ts` runs brokers on it. What a kill leaves in the kernel is lost here too, unlike in `kills/` and `chaos/`.
 */
export { ForgetfulDisk, forgetfulDiskProblem } from './forgetful-disk.ts';
export { type PowerLossOptions, runPowerLossLab } from './power-loss.ts';
