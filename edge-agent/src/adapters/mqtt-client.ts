/**
 * The MQTT client as a small device wants it. Its library makes 65,536 buffers when it first sends anything, one for
 * each two-byte number, which takes 8 MB for ever; made when they are needed they cost nothing that could be measured.
 */
import { writeToStream } from 'mqtt-packet';

export { connect } from 'mqtt';

Object.assign(writeToStream, { cacheNumbers: false });
