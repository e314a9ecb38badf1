/**
 * The seed of every property test, so that a change passes or fails by what it changes. `npm run properties` looks further:
 * it takes a new seed each time, which a failure prints; what it finds becomes an example in the test.
 */
import fc from 'fast-check';

const fixed = 20_261_125;
const asked = process.env.STARLING_PROPERTY_SEED;

if (asked !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(asked ?? fixed) });
