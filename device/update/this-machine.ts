import { z } from 'zod';

/** Of Node's diagnostic report, what says whose C library Node runs with: absent with musl's. */
const reportSchema = z.looseObject({ header: z.looseObject({ glibcVersionRuntime: z.string().optional() }) });

/**
 * This machine as manifests of releases name machines: `linux` stands for Linux with glibc, because the native part of a release needs it; with
 * another C library, such as Alpine's, the platform is `linux-musl`, for which there is no release.
 */
export function thisMachine({ platform, arch, versions, report }: NodeJS.Process = process) {
  const { header } = reportSchema.parse(report.getReport());
  const isOther = platform === 'linux' && header.glibcVersionRuntime === undefined;
  return { platform: isOther ? 'linux-musl' : platform, arch, node: versions.node };
}
