/** Loaded first by processes of a mutation check: changes one module's text as it is loaded. */
import { register } from 'node:module';
import { mutations } from './mutations.js';

const name = process.env.STARLING_MUTATION;
const mutation = mutations.find((each) => each.name === name);
if (mutation === undefined) throw new Error(`there is no mutation ${name}`);
register(new URL('./hooks.js', import.meta.url), { data: mutation });
