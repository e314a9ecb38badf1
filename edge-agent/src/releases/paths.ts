/** Where releases lie, below the state directory. */
export const releasesFolder = 'releases';
