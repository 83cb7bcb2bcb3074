/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The literals of discovery.md section 3. Private to wsd*.c.
 */
#ifndef PEER_WSD_LITERALS_H
#define PEER_WSD_LITERALS_H

#define SOAP_NAMESPACE "http://www.w3.org/2003/05/soap-envelope"
#define ADDRESSING_NAMESPACE "http://schemas.xmlsoap.org/ws/2004/08/addressing"
#define DISCOVERY_NAMESPACE "http://schemas.xmlsoap.org/ws/2005/04/discovery"
#define PEERDIST_NAMESPACE "http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery"

#define PROBE_TO "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
#define PROBE_ACTION DISCOVERY_NAMESPACE "/Probe"
#define ANSWER_TO ADDRESSING_NAMESPACE "/role/anonymous"
#define ANSWER_ACTION DISCOVERY_NAMESPACE "/ProbeMatches"

#define TYPE_1 "PeerDistData"
#define TYPE_2 "PeerDistDataV2"
#define RULE_1 DISCOVERY_NAMESPACE "/strcmp0"
#define RULE_2 "http://schemas.microsoft.com/p2p/2010/05/PeerDistV2MatchingRule"

#define ID_SIZE_2 32u          /* of a segment id in form 2 */
#define PROBE_2_HEADER_SIZE 3u /* octets before the ids */

#endif
