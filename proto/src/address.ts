/** Whether `text` is `host:port`, the port a number from 1 to 65535. */
export function isAddress(text: string): boolean {
  const [, port] = /^[^\s/]+:(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
