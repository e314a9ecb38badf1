/** Name of a release, as the coordinator and devices take it: it is part of paths. */
export const releaseNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
