export { openBrokerClient } from './client.js';
export { type BrokerSettings, readPassword } from './settings.js';
export { isFor } from './subscription-id.js';
export { parseTopicTemplate, type TopicTemplate } from './topic-template.js';
