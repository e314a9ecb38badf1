export { type DeviceModel, type DeviceTimes, deviceModel, type UpdateSize } from './behaviour.js';
export { drawClients } from './draw-clients.js';
export {
  asynchronousSchedule,
  type LostStage,
  type ScheduledRound,
  type ScheduledUpdate,
  type ScheduleSettings,
  type SynchronousRound,
  synchronousSchedule,
} from './schedule.js';
