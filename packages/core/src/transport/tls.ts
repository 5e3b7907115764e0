/** How to talk TLS to an upstream. Only on Node: a browser decides for itself. */
export interface TlsOptions {
  /** Certificates to trust instead of the system's, as PEM text. @default the system's */
  readonly ca?: string;
  /** Our certificate, as PEM text, where the upstream asks for one (mTLS). @default none */
  readonly cert?: string;
  /** The private key of `cert`, as PEM text. @default none */
  readonly key?: string;
  /** Refuse an upstream whose certificate cannot be verified. @default true */
  readonly rejectUnauthorized?: boolean;
  /** The name expected in the upstream's certificate. @default the URL's host */
  readonly servername?: string;
}
