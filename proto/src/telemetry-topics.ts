/** The topics of telemetry over MQTT. A device writes below its own name and reads its own watermarks, and nothing else. */
const prefix = 'starling/v1/devices/';

/** Where a device publishes its batches. */
export function telemetryTopic(deviceId: string): string {
  return `${prefix}${deviceId}/telemetry`;
}

/** Where a device hears what is durable. */
export function watermarkTopic(deviceId: string): string {
  return `${prefix}${deviceId}/watermarks`;
}

/** Where a device says that it is `online`, and the broker, when its connection breaks, that it is `offline`. */
export function presenceTopic(deviceId: string): string {
  return `${prefix}${deviceId}/presence`;
}

/** What the receiver subscribes to. */
export const allTelemetryTopics = telemetryTopic('+');

/** Whose topic it is, by the form of the name alone; `undefined` where it is none of a device's. */
export function deviceOfTopic(topic: string): string | undefined {
  const match = /^starling\/v1\/devices\/([^/+#]+)\/(telemetry|watermarks|presence)$/.exec(topic);
  return match?.[1];
}
