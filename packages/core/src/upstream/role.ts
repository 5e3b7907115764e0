/**
 * When an upstream is used: `secondary` only while no `primary` can answer, `fallback` only while
 * neither can (Envoy: priority levels).
 */
export type Role = 'primary' | 'secondary' | 'fallback';

/** Roles in the order in which they are used. */
export const roles: readonly Role[] = ['primary', 'secondary', 'fallback'];
