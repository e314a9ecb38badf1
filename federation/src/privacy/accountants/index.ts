/** How much privacy rounds cost: Rényi divergences (RDP) and privacy loss distributions (PLD). */
export { type Accountant, accountants, epsilonSpent } from './accountant.js';
export { rdpOrders } from './rdp-orders.js';
