export { type DeviceModel, type DeviceTimes, deviceModel, type UpdateSize } from './behaviour.js';
export { drawClients } from './draw-clients.js';
export {
  asynchronousSchedule,
  type ScheduledRound,
  type ScheduledUpdate,
  synchronousSchedule,
} from './schedule.js';
