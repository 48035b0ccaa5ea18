declare module "parse-prometheus-text-format" {
  /** Reads Prometheus's text format; the package has no types. */
  export default function parse(text: string): {
    readonly name: string;
    readonly type: string;
    readonly metrics: readonly {
      readonly value: string;
      readonly labels?: Readonly<Record<string, string>>;
    }[];
  }[];
}
