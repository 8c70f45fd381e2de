"""What a function on the layer looks like: what it imports comes from the layer."""

import requests
import sosw


def lambda_handler(event, context):
    return {"sosw": sosw.__file__, "requests": requests.__version__}
