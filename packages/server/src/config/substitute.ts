/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The outcome of {@link substitute}. */
export interface Substitution {
  readonly text: string;
  /** True when a variable's value is in the text. */
  readonly substituted: boolean;
  /** What is wrong with each variable that has no value. */
  readonly failures: readonly string[];
}

/**
 * Replaces each `${NAME}` in one value by the variable's value, as it is. `$${NAME}` stands for
 * the text `${NAME}`.
 */
export function substitute(template: string, env: Environment): Substitution {
  let substituted = false;
  const failures: string[] = [];
  const text = template.replace(/(\$?)\$\{([^}]*)\}/g, (whole, dollar: string, name: string) => {
    if (dollar !== '') return whole.slice(1);
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      failures.push(
        `"\${${name}}" is not a variable: a name has letters, digits and "_" only; write "$\${${name}}" for the text itself`,
      );
      return whole;
    }
    const value = env[name];
    if (value === undefined) {
      failures.push(`the environment variable ${name} is not set`);
      return whole;
    }
    substituted = true;
    return value;
  });
  return { text, substituted, failures };
}
