// ONVIF's media service: the one profile of a camera, the URIs of its stream and its still.

import { serviceCapabilities } from './device-service.ts';
import type { CameraFacts, OnvifCamera } from './onvif-camera.ts';
import { TOKENS } from './onvif-camera.ts';
import { type FaultKind, NAMESPACES, type Operations, operationsOf, SoapFault } from './soap.ts';
import { type Content, childOf, type Markup, type XmlElement, xml } from './xml.ts';

/** `snapshotPath` is the path of the still on this server. */
export function mediaOperations(camera: OnvifCamera, snapshotPath: string): Operations {
  const { facts } = camera;
  const asked = (request: XmlElement, element: string, token: string, kind: FaultKind) => {
    if (childOf(request, NAMESPACES.trt, element)?.text !== token) throw new SoapFault(kind);
  };
  const open = { needsLogin: false };
  const closed = { needsLogin: true };
  return new Map(
    operationsOf('trt', {
      GetServiceCapabilities: { ...open, answer: () => serviceCapabilities('trt') },
      GetProfiles: { ...closed, answer: () => profile('trt:Profiles', facts) },
      GetProfile: {
        ...closed,
        answer: ({ request }) => {
          asked(request, 'ProfileToken', TOKENS.profile, 'profile');
          return profile('trt:Profile', facts);
        },
      },
      GetVideoSources: { ...closed, answer: () => videoSource(facts) },
      GetVideoSourceConfigurations: { ...closed, answer: () => sourceConfiguration('trt:Configurations', facts) },
      GetVideoSourceConfiguration: {
        ...closed,
        answer: ({ request }) => {
          asked(request, 'ConfigurationToken', TOKENS.sourceConfiguration, 'configuration');
          return sourceConfiguration('trt:Configuration', facts);
        },
      },
      GetVideoEncoderConfigurations: { ...closed, answer: () => encoderConfiguration('trt:Configurations', facts) },
      GetVideoEncoderConfiguration: {
        ...closed,
        answer: ({ request }) => {
          asked(request, 'ConfigurationToken', TOKENS.encoder, 'configuration');
          return encoderConfiguration('trt:Configuration', facts);
        },
      },
      GetVideoEncoderConfigurationOptions: {
        ...closed,
        answer: ({ request }) => {
          const names = (element: string) => childOf(request, NAMESPACES.trt, element);
          if (names('ProfileToken')) asked(request, 'ProfileToken', TOKENS.profile, 'profile');
          if (names('ConfigurationToken')) asked(request, 'ConfigurationToken', TOKENS.encoder, 'configuration');
          return encoderOptions(facts);
        },
      },
      GetStreamUri: {
        ...closed,
        answer: ({ request, baseUrl }) => {
          asked(request, 'ProfileToken', TOKENS.profile, 'profile');
          checkSetup(childOf(request, NAMESPACES.trt, 'StreamSetup'));
          return mediaUri(reachableUri(camera.streamUri, baseUrl), false);
        },
      },
      GetSnapshotUri: {
        ...closed,
        answer: ({ request, baseUrl }) => {
          asked(request, 'ProfileToken', TOKENS.profile, 'profile');
          return mediaUri(`${baseUrl}${snapshotPath}`, true);
        },
      },
    }),
  );
}

function profile(tag: string, facts: CameraFacts): Markup {
  const parts = [
    xml('tt:Name', facts.name),
    sourceConfiguration('tt:VideoSourceConfiguration', facts),
    encoderConfiguration('tt:VideoEncoderConfiguration', facts),
  ];
  return xml(tag, parts, { token: TOKENS.profile, fixed: true });
}

function resolution({ size }: CameraFacts): Content {
  return [xml('tt:Width', size.width), xml('tt:Height', size.height)];
}

function videoSource(facts: CameraFacts): Markup {
  const parts = [xml('tt:Framerate', facts.framesPerSecond), xml('tt:Resolution', resolution(facts))];
  return xml('trt:VideoSources', parts, { token: TOKENS.source });
}

function sourceConfiguration(tag: string, facts: CameraFacts): Markup {
  const parts = [
    xml('tt:Name', facts.name),
    xml('tt:UseCount', 1),
    xml('tt:SourceToken', TOKENS.source),
    xml('tt:Bounds', null, { x: 0, y: 0, width: facts.size.width, height: facts.size.height }),
  ];
  return xml(tag, parts, { token: TOKENS.sourceConfiguration });
}

/** Unknown facts are omitted, which ONVIF's schema allows. */
function encoderConfiguration(tag: string, facts: CameraFacts): Markup {
  const { codec, h264, bitrateKbpsMax } = facts;
  const rate = [
    xml('tt:FrameRateLimit', Math.max(1, Math.round(facts.framesPerSecond))),
    xml('tt:EncodingInterval', 1),
    xml('tt:BitrateLimit', bitrateKbpsMax ?? null),
  ];
  const none = [xml('tt:Type', 'IPv4'), xml('tt:IPv4Address', '0.0.0.0')];
  const parts = [
    xml('tt:Name', facts.name),
    xml('tt:UseCount', 1),
    xml('tt:Encoding', codec),
    xml('tt:Resolution', resolution(facts)),
    xml('tt:Quality', 1),
    bitrateKbpsMax === undefined ? null : xml('tt:RateControl', rate),
    h264 && codec === 'H264'
      ? xml('tt:H264', [xml('tt:GovLength', h264.framesPerGop), xml('tt:H264Profile', h264.profile)])
      : null,
    xml('tt:Multicast', [xml('tt:Address', none), xml('tt:Port', 0), xml('tt:TTL', 0), xml('tt:AutoStart', false)]),
    xml('tt:SessionTimeout', 'PT60S'),
  ];
  return xml(tag, parts, { token: TOKENS.encoder });
}

/** The only option of each setting is its current value. */
function encoderOptions(facts: CameraFacts): Markup {
  const only = (tag: string, value: number) => xml(tag, [xml('tt:Min', value), xml('tt:Max', value)]);
  const rate = [
    only('tt:FrameRateRange', Math.max(1, Math.round(facts.framesPerSecond))),
    only('tt:EncodingIntervalRange', 1),
  ];
  const sizes = xml('tt:ResolutionsAvailable', resolution(facts));
  const { codec, h264 } = facts;
  return xml('trt:Options', [
    only('tt:QualityRange', 1),
    codec === 'JPEG' ? xml('tt:JPEG', [sizes, ...rate]) : null,
    codec === 'H264' && h264
      ? xml('tt:H264', [
          sizes,
          only('tt:GovLengthRange', h264.framesPerGop),
          ...rate,
          xml('tt:H264ProfilesSupported', h264.profile),
        ])
      : null,
  ]);
}

/** Throws `SoapFault` for a transport that our RTSP server does not have. */
function checkSetup(setup: XmlElement | undefined): void {
  const transport = childOf(setup, NAMESPACES.tt, 'Transport');
  const isUnicast = childOf(setup, NAMESPACES.tt, 'Stream')?.text === 'RTP-Unicast';
  const protocol = childOf(transport, NAMESPACES.tt, 'Protocol')?.text ?? '';
  if (!isUnicast || !['UDP', 'TCP', 'RTSP'].includes(protocol)) throw new SoapFault('stream');
}

/** The stream's address for a client that called `baseUrl`, without a login. */
function reachableUri(streamUri: string, baseUrl: string): string {
  const uri = new URL(streamUri);
  uri.username = '';
  uri.password = '';
  if (/^(0\.0\.0\.0|\[::\])$/.test(uri.hostname)) uri.hostname = new URL(baseUrl).hostname;
  return uri.href;
}

function mediaUri(uri: string, untilReboot: boolean): Markup {
  return xml('trt:MediaUri', [
    xml('tt:Uri', uri),
    xml('tt:InvalidAfterConnect', false),
    xml('tt:InvalidAfterReboot', untilReboot),
    xml('tt:Timeout', 'PT0S'),
  ]);
}
