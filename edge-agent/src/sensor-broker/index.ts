export { type BrokerSettings, openBrokerClient } from './client.js';
export { parseTopicTemplate, type TopicTemplate } from './topic-template.js';
