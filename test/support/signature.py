# Owns: the AWS Signature Version 4 that botocore gives to a request told as JSON on stdin. Not here: judging another's.
import json
import sys

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

told = json.load(sys.stdin)
request = AWSRequest(method=told["method"], url=told["url"], headers=told["headers"])
request.context["timestamp"] = told["headers"]["x-amz-date"]
signer = S3SigV4Auth(Credentials(told["keyId"], told["secret"]), "s3", told["region"])
canonical = signer.canonical_request(request)
print(signer.signature(signer.string_to_sign(request, canonical), request), end="")
